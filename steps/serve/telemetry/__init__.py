"""What the server tells of itself: metrics, logs, traces. Never a picture, nor any part of one."""

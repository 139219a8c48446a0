"""Object store and directory behind one small interface."""

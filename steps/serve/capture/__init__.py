"""Keep some of what was asked, with what was answered: the pictures that the next data set should have.

Off unless switched on. It happens beside the requests: what comes too fast, or what the store does not take, is dropped
and counted; no request waits for it or fails by it.
"""

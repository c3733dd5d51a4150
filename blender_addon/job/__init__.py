"""The core as a child process: requests, messages, how it goes, and the buttons that start one."""

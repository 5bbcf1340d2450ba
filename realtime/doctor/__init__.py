"""What this machine can do, and why not: one subject a file, each looked at in a process of its own."""

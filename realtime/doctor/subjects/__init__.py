"""What doctor looks at: a file for each subject, whose functions are named in checks.py."""

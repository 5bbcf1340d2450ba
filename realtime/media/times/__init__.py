"""When packets and pictures come, and what is done where their times are wrong. Nothing here knows FFmpeg."""

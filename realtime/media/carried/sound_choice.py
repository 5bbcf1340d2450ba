"""What a person may ask for the sound of a file; nothing heavy is loaded here."""

AUTO, COPY, ENCODE, DROP = "auto", "copy", "encode", "drop"
SOUND_CHOICES = (AUTO, COPY, ENCODE, DROP)

"""What pictures are judged by while a net or a picture learns."""

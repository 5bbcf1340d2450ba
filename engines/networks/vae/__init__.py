"""The variational autoencoder: its settings, its torch net, its graphs, and what it tells of pictures."""

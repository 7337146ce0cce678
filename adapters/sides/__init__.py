"""What a step of training asks of the network: both sides through it, or queries alone against stored vectors. One table."""

"""The PyTorch side of every comparison: the same networks, the same steps, written the usual way."""

"""Training of the networks, from pictures to safetensors; not needed to run the product."""

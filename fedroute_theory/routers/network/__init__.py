"""Training of networks by federated averaging, in jax and optax; reading them needs numpy only (`predictor`)."""

"""Seeded training sessions on a real flight dynamics model (JSBSim), as a training device would write them."""

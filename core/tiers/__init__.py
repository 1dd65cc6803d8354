"""Tiers: how much quality for how much time, the order among them, and published networks."""

"""Operators: each gathers inputs, sends one message or calls one function, and reports the result."""

"""Providers of our own beside a command: started with it, attached to its engines, ended with it."""

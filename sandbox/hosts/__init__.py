"""The sandbox's hosts: each running instance of the emulated cloud is a tree of local processes."""

"""The machines of the sandbox: each running instance of the emulated cloud as a tree of local processes."""

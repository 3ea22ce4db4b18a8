"""From a bare process to one that may be an engine: directories, lock, sockets, namespaces, supervisor.

Only light modules of the standard library are imported here: the socket is bound before anything slow
happens, so that a client's first connection waits in its queue instead of being refused.
"""

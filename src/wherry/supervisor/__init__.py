"""The process that owns containers, and the client side of its control socket.

`wherry.supervisor.process` is the process, `wherry.supervisor.client` what the engine uses, and
`wherry.supervisor.logs` the log format that both share. Nothing is imported here: the process and the
engine each load their own half.
"""

"""The Python API: containers, images, networks and volumes as objects over the engine's API.

`wherry` itself exports what users need. Nothing here is global: an `Engine` holds connections, and every
object knows the engine it came from. What an operation asks of the engine is written once, as a generator of
`steps`; `operation` makes methods of it, which `blocking` and `awaiting` drive.
"""

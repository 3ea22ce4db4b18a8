"""The Python API: containers, images, networks and volumes as objects over the engine's API.

`wherry` itself exports what users need. Nothing here is global: an `Engine` holds connections, and every
object knows the engine it came from. Calls block; an `Engine` may be used from several threads.
"""

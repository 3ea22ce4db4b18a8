"""The domain: containers, execs, images, networks, volumes and events, behind one composed `Engine`."""

"""What flows over a connection for longer than one answer: hijacked streams, relays, WebSockets."""

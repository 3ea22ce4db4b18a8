"""Networks: who has which address, how packets travel, which ports are open, who answers to which name."""

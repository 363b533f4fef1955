"""What others are told: the outbox, endpoints, deliveries."""

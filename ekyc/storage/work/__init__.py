"""What is done without anybody asking, and in batches: timers, who is alive, uploaded cases and their items."""

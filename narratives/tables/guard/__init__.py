"""Guards the readers against files that are damaged, or made to do damage: limits, failures, a process of its own."""

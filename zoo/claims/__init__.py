"""Papers' claims against measurements: plan, evaluate, judge."""

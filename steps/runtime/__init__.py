"""Run an exported model without the trainer."""

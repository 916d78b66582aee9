"""What `leadersend …` does, command by command. Nothing heavy is imported before one needs it."""

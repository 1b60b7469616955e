"""A server that speaks OpenAI's API: chat and completions by a model of this package, for many clients at once."""

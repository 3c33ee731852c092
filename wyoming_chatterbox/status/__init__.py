"""The HTTP side: a page for people, JSON for programs, speech for clients that know OpenAI's API."""

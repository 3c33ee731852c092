"""The page, the JSON behind it, and the speech endpoint for clients of OpenAI's."""

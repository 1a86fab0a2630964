"""What is told of a folder's plan in the formats of other tools, and the pipelines that tell it."""

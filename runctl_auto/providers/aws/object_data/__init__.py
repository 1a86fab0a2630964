"""S3 at full speed: connections, signed requests and objects in bulk."""

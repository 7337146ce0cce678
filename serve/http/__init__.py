"""What every request passes: host and keys, how large and slow a body may be, clients that go away, how errors are told."""

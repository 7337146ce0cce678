"""What a bench will take, before it runs: texts and tokens counted, or estimated where they are not here, and the speed measured."""

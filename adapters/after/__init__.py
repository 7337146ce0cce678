"""What is measured when training is done, beside it: none of it changes what was trained."""

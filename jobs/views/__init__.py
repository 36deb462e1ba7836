"""What people and machines that watch us see."""

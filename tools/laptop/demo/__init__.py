"""The main job from beginning to end, told step by step on a laptop cloud of its own."""

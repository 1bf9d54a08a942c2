print("umbel-bench")

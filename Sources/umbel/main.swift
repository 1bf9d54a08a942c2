print("umbel")

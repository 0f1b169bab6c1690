"""The pages of the app. They show results and call the packages below; they compute nothing."""

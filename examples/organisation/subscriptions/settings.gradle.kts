rootProject.name = "subscriptions"

rootProject.name = "larkfold-android"
include(":app")

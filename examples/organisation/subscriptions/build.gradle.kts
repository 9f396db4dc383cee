plugins {
    kotlin("jvm") version "2.1.0"
    application
}

version = "3.1.2"

dependencies {
    testImplementation(kotlin("test"))
}

application {
    mainClass = "example.larkfold.billing.MainKt"
}

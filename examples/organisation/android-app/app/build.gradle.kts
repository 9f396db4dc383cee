plugins {
    id("com.android.application")
    kotlin("android")
}

android {
    namespace = "example.larkfold"
    compileSdk = 35

    defaultConfig {
        applicationId = "example.larkfold"
        minSdk = 28
        targetSdk = 35
        versionCode = 812
        versionName = "8.12.0"
    }
}

dependencies {
    implementation("androidx.media3:media3-exoplayer:1.4.1")
    testImplementation(kotlin("test"))
}

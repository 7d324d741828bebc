package code_execution

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	pb "ddc/plugins/code_execution/code_executionpb"
)

const secretConfig = `
[registry]
default = "mirror"
token = "secret1"
global-credential-providers = ["secret2"]
[registries.mirror]
index = "sparse+https://mirror.example/index/"
token = "secret3"
[registries.private]
index = "https://me:secret4@private.example/index"
[source.crates-io]
replace-with = "mirror"
[http]
proxy = "http://secret5@proxy.example:8080"
[build]
rustc-wrapper = "/home/me/wrapper"
[env]
DATABASE = "secret6"
[target.x86_64-unknown-linux-gnu]
linker = "clang"
`

func TestSamplesGetCargosConfigurationWithoutSecrets(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, "config.toml"), []byte(secretConfig), 0o600))
	kept, err := cargoConfig(home)
	require.NoError(t, err)
	assert.NotContains(t, kept, "secret")
	assert.NotContains(t, kept, "wrapper")
	for _, text := range []string{"replace-with = 'mirror'", "index = 'sparse+https://mirror.example/index/'", "linker = 'clang'", "default = 'mirror'"} {
		assert.Contains(t, kept, text)
	}
	kept, err = cargoConfig(t.TempDir())
	require.NoError(t, err)
	assert.Empty(t, kept)
}

func TestCargoOfASampleReadsNoCredentials(t *testing.T) {
	language, user := cargo(t), t.TempDir()
	t.Setenv("CARGO_HOME", user)
	t.Setenv(cargoVariable, "[net]\nretry = 7\n")
	require.NoError(t, os.MkdirAll(filepath.Join(user, "registry"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(user, "registry", "crate"), []byte("a crate"), 0o600))
	for _, name := range []string{"config.toml", "credentials.toml", "credentials"} {
		require.NoError(t, os.WriteFile(filepath.Join(user, name), []byte("[registry]\ntoken = \"secret\"\n"), 0o600))
	}
	sample := rust(1, `let home = std::path::PathBuf::from(std::env::var("CARGO_HOME").unwrap());
for name in ["registry/crate", "config.toml", "credentials.toml", "credentials"] {
    println!("{name}: {:?}", std::fs::read_to_string(home.join(name)).map_err(|e| e.kind()));
}
`)
	cacheDir := t.TempDir()
	for range 2 { // a home that is there already serves as well
		res := execute(t, &pb.ExecuteRequest{Sample: sample, Language: language, CacheDir: cacheDir, TimeoutMs: 120_000})
		assert.Equal(t, `registry/crate: Ok("a crate")
config.toml: Ok("[net]\nretry = 7\n")
credentials.toml: Err(NotFound)
credentials: Err(NotFound)
`, res.GetStdout(), res.GetStderr())
		sample.Code += "\n"
	}
}

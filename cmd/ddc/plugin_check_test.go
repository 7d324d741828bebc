package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPluginCheckSaysWhatAProgramFails(t *testing.T) {
	o := ddc(t, "plugin", "check", "--wake", "pipe", "/bin/true")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stdout, "pipe, ordinary hub: HostCloses: ")
	assert.Contains(t, o.stdout, "rule: once the host has closed the link, the program ends with status 0")
	assert.Contains(t, o.stdout, "exit status 0, before it had attached to its host")
	assert.Contains(t, o.stdout, "0 of ")
}

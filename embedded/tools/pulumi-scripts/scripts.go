// Package scripts pins the module whose helper scripts the Python language host
// starts. Only files are taken from its folder; nothing is compiled.
package scripts

import _ "github.com/pulumi/pulumi/sdk/v3/go/common/version"

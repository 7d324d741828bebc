package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"
)

// The operators, by the names that results and page give them.
const (
	leftOut    = "statement left out"
	swapped    = "statements swapped"
	dropDefer  = "defer dropped"
	turned     = "condition turned"
	neverTaken = "branch never taken"
	bound      = "bound off by one"
	logic      = "&& and || exchanged"
	operand    = "operand of && or || dropped"
	arithmetic = "arithmetic exchanged"
	constant   = "constant changed"
	split      = "atomic step split into load and store"
	always     = "compare-and-swap made unconditional"
	noError    = "nil returned for an error"
	dropCase   = "case dropped"
)

// operators in the order of the page.
var operators = []string{
	leftOut, swapped, dropDefer, dropCase, turned, neverTaken, bound, logic, operand, arithmetic, constant, split, always, noError,
}

func (w *walker) statement(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.BlockStmt:
		w.list(s.List)
	case *ast.CaseClause:
		w.list(s.Body)
	case *ast.CommClause:
		w.list(s.Body)
	case *ast.IfStmt:
		w.propose(turned, s.Cond, "!("+w.of(s.Cond)+")")
		if s.Else == nil {
			w.propose(neverTaken, s.Cond, "("+w.of(s.Cond)+") && false")
		}
	case *ast.ForStmt:
		if s.Cond != nil {
			w.propose(turned, s.Cond, "!("+w.of(s.Cond)+")")
		}
	case *ast.ReturnStmt:
		w.results(s)
	case *ast.SelectStmt:
		w.cases(s.Body)
	case *ast.SwitchStmt:
		w.cases(s.Body)
	case *ast.TypeSwitchStmt:
		w.cases(s.Body)
	case *ast.ExprStmt:
		w.unused[s.X] = true
	case *ast.IncDecStmt:
		other := map[token.Token]string{token.INC: "--", token.DEC: "++"}[s.Tok]
		w.propose(arithmetic, s, w.of(s.X)+other)
	case *ast.AssignStmt:
		if other, ok := opposite[s.Tok]; ok && w.number(s.Lhs[0]) {
			w.propose(arithmetic, s, w.of(s.Lhs[0])+" "+other+" "+w.of(s.Rhs[0]))
		}
	}
}

// list leaves out each statement of a block, and exchanges neighbours.
func (w *walker) list(list []ast.Stmt) {
	for i, s := range list {
		if w.inert(s) {
			continue
		}
		if operator := removable(s); operator != "" {
			// The names in it stay used, and the compiler drops the rest.
			w.propose(operator, s, "if false { "+w.of(s)+" }")
		}
		if i+1 < len(list) && !w.inert(list[i+1]) && movable(s) && movable(list[i+1]) && !w.commute(s, list[i+1]) {
			start, end := w.span(s)
			nextStart, nextEnd := w.span(list[i+1])
			w.found = append(w.found, found{w.function, swapped, []edit{
				{start, end, w.of(list[i+1])}, {nextStart, nextEnd, w.of(s)},
			}})
		}
	}
}

// removable is the operator that leaves s out, if there is one.
func removable(s ast.Stmt) string {
	switch s := s.(type) {
	case *ast.DeferStmt:
		return dropDefer
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			return ""
		}
		return leftOut
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt, *ast.BranchStmt, *ast.ReturnStmt:
		return leftOut
	}
	return ""
}

// movable statements may change places with their neighbours. A branch may not:
// what follows it would not be reached, as if it were left out.
func movable(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.AssignStmt, *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt, *ast.DeferStmt, *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
		return true
	}
	return false
}

// commute says that two statements may stand in either order: a lock and its
// deferred end, or two assignments of which neither calls anything, and neither
// names what the other writes.
func (w *walker) commute(a, b ast.Stmt) bool {
	return w.guards(a, b) || w.leaves(a, b) && w.leaves(b, a)
}

// guards says that a lock and the deferred end of it stand together: nothing
// between them leaves the function.
func (w *walker) guards(a, b ast.Stmt) bool {
	lock, unlock := w.of(a), w.of(b)
	for _, kind := range []string{"Lock()", "RLock()"} {
		if x, ok := strings.CutSuffix(lock, "."+kind); ok && unlock == "defer "+x+"."+strings.Replace(kind, "Lock", "Unlock", 1) {
			return true
		}
	}
	return false
}

func (w *walker) leaves(a, b ast.Stmt) bool {
	var written []ast.Expr
	switch a := a.(type) {
	case *ast.AssignStmt:
		written = a.Lhs
	case *ast.IncDecStmt:
		written = []ast.Expr{a.X}
	default:
		return false
	}
	for _, name := range written {
		if strings.Contains(w.of(b), w.of(name)) {
			return false
		}
	}
	calls := false
	ast.Inspect(a, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.CallExpr, *ast.UnaryExpr, *ast.FuncLit: // of the unary, the receive
			calls = true
		}
		return !calls
	})
	return !calls
}

// cases drops each case of a select or switch that has another.
func (w *walker) cases(body *ast.BlockStmt) {
	if len(body.List) < 2 {
		return
	}
	for i, c := range body.List {
		start, end := w.span(c)
		if i+1 < len(body.List) {
			end, _ = w.span(body.List[i+1])
		}
		w.found = append(w.found, found{w.function, dropCase, []edit{{start, end, ""}}})
	}
}

// results returns nil where an error is, and the contrary of a condition.
func (w *walker) results(s *ast.ReturnStmt) {
	w.void(s)
	for _, r := range s.Results {
		t := w.info.TypeOf(r)
		if t == nil || w.of(r) == "nil" {
			continue
		}
		_, comparison := boundaries[operatorOf(r)]
		switch {
		case types.Identical(t, types.Universe.Lookup("error").Type()):
			w.propose(noError, r, "nil")
		case types.Identical(t.Underlying(), types.Typ[types.Bool]) && !literal(r) && !comparison:
			w.propose(turned, r, "!("+w.of(r)+")")
		}
	}
}

// void notes the constants beside an error or a false, as in "return 0, false":
// callers must not look at them.
func (w *walker) void(s *ast.ReturnStmt) {
	if len(s.Results) < 2 {
		return
	}
	last := s.Results[len(s.Results)-1]
	if t := w.info.TypeOf(last); w.of(last) == "false" || w.of(last) != "nil" && t != nil && types.Identical(t, types.Universe.Lookup("error").Type()) {
		for _, r := range s.Results[:len(s.Results)-1] {
			w.ignored[r] = true
		}
	}
}

func literal(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && (id.Name == "true" || id.Name == "false")
}

func operatorOf(e ast.Expr) token.Token {
	if b, ok := e.(*ast.BinaryExpr); ok {
		return b.Op
	}
	return token.ILLEGAL
}

// boundaries are comparisons and their neighbours.
var boundaries = map[token.Token]struct{ operator, text string }{
	token.LSS: {bound, "<="}, token.LEQ: {bound, "<"},
	token.GTR: {bound, ">="}, token.GEQ: {bound, ">"},
	token.EQL: {turned, "!="}, token.NEQ: {turned, "=="},
}

var opposite = map[token.Token]string{
	token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*",
	token.AND: "|", token.OR: "&", token.XOR: "&", token.AND_NOT: "&", token.SHL: ">>", token.SHR: "<<",
	token.ADD_ASSIGN: "-=", token.SUB_ASSIGN: "+=", token.AND_ASSIGN: "|=", token.OR_ASSIGN: "&=",
	token.XOR_ASSIGN: "|=", token.AND_NOT_ASSIGN: "&=", token.SHL_ASSIGN: ">>=", token.SHR_ASSIGN: "<<=",
}

func (w *walker) expression(e ast.Expr) {
	if w.ignored[e] {
		return
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		w.binary(e)
	case *ast.BasicLit:
		if e.Kind == token.INT {
			w.integer(e)
		}
	case *ast.Ident:
		if literal(e) && w.info.Uses[e] == types.Universe.Lookup(e.Name) {
			w.propose(constant, e, strconv.FormatBool(e.Name == "false"))
		}
	case *ast.CallExpr:
		w.call(e)
	}
}

func (w *walker) binary(e *ast.BinaryExpr) {
	start, end := w.span(e)
	at := w.fset.Position(e.OpPos).Offset
	exchange := func(operator, text string) {
		w.found = append(w.found, found{w.function, operator, []edit{{at, at + len(e.Op.String()), text}}})
	}
	if b, ok := boundaries[e.Op]; ok {
		exchange(b.operator, b.text)
		return
	}
	if e.Op == token.LAND || e.Op == token.LOR {
		if strings.Contains(string(w.text[start:end]), "fault.") {
			return // what is on in no production build
		}
		exchange(logic, map[token.Token]string{token.LAND: "||", token.LOR: "&&"}[e.Op])
		w.propose(operand, e, w.of(e.X))
		w.propose(operand, e, w.of(e.Y))
		return
	}
	if text, ok := opposite[e.Op]; ok && w.number(e) {
		exchange(arithmetic, text)
	}
}

func (w *walker) number(e ast.Expr) bool {
	t := w.info.TypeOf(e)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}

// integer changes a small constant by one, and halves a large one: a limit of a
// million and one is no defect.
func (w *walker) integer(e *ast.BasicLit) {
	n, err := strconv.ParseInt(e.Value, 0, 64)
	switch {
	case err != nil:
	case n >= 8:
		w.propose(constant, e, strconv.FormatInt(n/2, 10))
	default:
		w.propose(constant, e, strconv.FormatInt(n+1, 10))
		if n > 0 {
			w.propose(constant, e, strconv.FormatInt(n-1, 10))
		}
	}
}

// call breaks an atomic step in two, lets a compare-and-swap swap whatever it
// finds, and takes the larger for the smaller.
func (w *walker) call(e *ast.CallExpr) {
	if id, ok := e.Fun.(*ast.Ident); ok && w.info.Uses[id] == types.Universe.Lookup(id.Name) {
		switch id.Name {
		case "min":
			w.propose(bound, id, "max")
		case "max":
			w.propose(bound, id, "min")
		}
	}
	method, ok := e.Fun.(*ast.SelectorExpr)
	if !ok || !w.atomic(method) {
		return
	}
	x := w.of(method.X)
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = w.of(a)
	}
	result := ""
	if b, ok := w.info.TypeOf(e).(*types.Basic); ok {
		result = b.Name()
	}
	switch name := method.Sel.Name; {
	case name == "CompareAndSwap" && len(args) == 2:
		w.propose(always, e, fmt.Sprintf("func() bool { %s.Store(%s); return true }()", x, args[1]))
		w.propose(split, e, fmt.Sprintf("func() bool { if %s.Load() != %s { return false }; %s.Store(%s); return true }()", x, args[0], x, args[1]))
	case name == "Swap" && len(args) == 1 && result != "" && !w.unused[e]: // else it is a Store
		w.propose(split, e, fmt.Sprintf("func() %s { old := %s.Load(); %s.Store(%s); return old }()", result, x, x, args[0]))
	case name == "Add" && len(args) == 1 && result != "":
		w.propose(split, e, fmt.Sprintf("func() %s { sum := %s.Load() + (%s); %s.Store(sum); return sum }()", result, x, args[0], x))
	case (name == "Or" || name == "And") && len(args) == 1 && result != "":
		sign := map[string]string{"Or": "|", "And": "&"}[name]
		w.propose(split, e, fmt.Sprintf("func() %s { old := %s.Load(); %s.Store(old %s (%s)); return old }()", result, x, x, sign, args[0]))
	}
}

// atomic says that the method's receiver has Load and Store too, as an atomic
// has.
func (w *walker) atomic(method *ast.SelectorExpr) bool {
	t := w.info.TypeOf(method.X)
	if t == nil {
		return false
	}
	if _, pointer := t.Underlying().(*types.Pointer); !pointer {
		t = types.NewPointer(t)
	}
	methods := types.NewMethodSet(t)
	return methods.Lookup(nil, "Load") != nil && methods.Lookup(nil, "Store") != nil && methods.Lookup(nil, method.Sel.Name) != nil
}

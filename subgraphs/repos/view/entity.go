package view

import (
	"context"
	"sync"

	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/repos/host"
	"callboard.dev/callboard/subgraphs/scalar"
)

// CatalogEntity is an entity of the catalog, as far as its repository and its people are concerned.
type CatalogEntity struct {
	Ref         string
	Annotations scalar.StringMap
	request     *Request
	cohort      *cohort

	once  sync.Once
	place place
	err   error

	locateOnce sync.Once
	candidates []forge.Place[*host.Host]
	locateErr  error

	lookOnce sync.Once
	found    *Repository
	folder   string
	lookErr  error
}

// onDisk returns where the entity's code lies on a disk.
func (e *CatalogEntity) onDisk(ctx context.Context) (place, error) {
	e.once.Do(func() { e.place, e.err = e.request.find(ctx, e.Annotations) })
	return e.place, fail(e.err)
}

// locate finds the repositories of hosts that may be the entity's.
func (e *CatalogEntity) locate(ctx context.Context) {
	e.locateOnce.Do(func() {
		local, err := e.onDisk(ctx)
		if err == nil {
			e.candidates, err = e.request.candidates(ctx, e.Annotations, local)
		}
		e.locateErr = err
	})
}

// look returns the entity's repository, nil where there is none, and its folder in it.
func (e *CatalogEntity) look(ctx context.Context) (*Repository, string, error) {
	e.lookOnce.Do(func() { e.found, e.folder, e.lookErr = e.lookFor(ctx) })
	return e.found, e.folder, e.lookErr
}

// lookFor asks the hosts that the annotations may mean, the most likely first; the checkout counts where none of them has it.
func (e *CatalogEntity) lookFor(ctx context.Context) (*Repository, string, error) {
	e.cohort.gather(ctx)
	local, err := e.onDisk(ctx)
	if err != nil {
		return nil, "", err
	}
	if e.locate(ctx); e.locateErr != nil {
		return nil, "", e.locateErr
	}
	for _, c := range e.candidates {
		found, err := e.request.hostedAt(ctx, c.Site, c.Path, e.cohort)
		if err != nil {
			return nil, "", err
		}
		if found != nil {
			return found, c.Folder, nil
		}
	}
	if local.repository == nil {
		return nil, "", nil
	}
	return e.request.show(local.repository), local.folder, nil
}

// Repository is the repository that holds the entity's code.
func (e *CatalogEntity) Repository(ctx context.Context) (*Repository, error) {
	found, _, err := e.look(ctx)
	return found, err
}

// RepositoryPath is the entity's folder in it.
func (e *CatalogEntity) RepositoryPath(ctx context.Context) (*string, error) {
	if local, err := e.onDisk(ctx); err == nil && local.repository != nil && len(e.request.source.Hosts) == 0 {
		return &local.folder, nil
	}
	found, folder, err := e.look(ctx)
	if err != nil || found == nil {
		return nil, err
	}
	return &folder, nil
}

// Checkout is the repository on a disk.
func (e *CatalogEntity) Checkout(ctx context.Context) (*Repository, error) {
	local, err := e.onDisk(ctx)
	if err != nil || local.repository == nil {
		return nil, err
	}
	return e.request.show(local.repository), nil
}

// IsEntity marks a type with a key, for the generated code.
func (*CatalogEntity) IsEntity() {}
